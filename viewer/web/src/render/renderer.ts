// The interface behind which the picture is made. Another backend (WebGL, say)
// would draw the same Scene.
import type { Item, Link, Mark } from "../model/store.ts";
import type { Camera } from "./camera.ts";
import type { Theme } from "./theme.ts";

export interface Scene {
  camera: Camera;
  theme: Theme;
  now: number; // ms
  still: boolean; // the person wants no motion
  selected: Item | Link | undefined;
  pinned: ReadonlySet<string>; // paths
  hidden: ReadonlySet<string>; // kinds
  marks: ReadonlyMap<string, Mark> | undefined; // by path
  below: ReadonlyMap<string, number> | undefined; // how many marks are inside
  lit: ReadonlyMap<string, number> | undefined; // how many matches are at or inside; the rest is dimmed
  about: Item[]; // what the selected element refers to
}

export interface Picture {
  wanted: Item[]; // that are large enough to be opened, and are not read yet, or not as they are now
  moving: boolean; // something fades: draw again
  drawn: number; // elements
}

export interface Renderer {
  // draw makes the picture, O(elements in opened containers that are in view).
  draw(scene: Scene): Picture;
  resize(w: number, h: number, density: number): void;
}
