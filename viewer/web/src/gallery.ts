import { mount } from "svelte";
import "./style.css";
import Gallery from "./gallery/Gallery.svelte";

mount(Gallery, { target: document.getElementById("app")! });
