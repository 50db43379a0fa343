// The language of the page: that of the browser, if there is a catalogue of it.
import { en, type Text } from "./en.ts";

const catalogues: { [language: string]: Text } = { en };

export const t: Text = catalogues[(typeof navigator === "undefined" ? "en" : navigator.language).slice(0, 2)] ?? en;
