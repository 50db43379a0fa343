import { mount } from "svelte";
import "./style.css";
import App from "./ui/App.svelte";
import { App as State } from "./state/app.svelte.ts";

const app = new State();
mount(App, { target: document.getElementById("app")!, props: { app } });
void app.start();
