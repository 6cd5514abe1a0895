/** `g` and a letter go to a view, wherever the focus is, unless somebody types. */
import { useEffect } from "react";

import { linkTo } from "./route.ts";
import type { View } from "./views.ts";

const WAIT_MS = 1_500; // for the letter

export function useJumps(views: readonly View[]): void {
  useEffect(() => {
    let waitsUntil = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const view = views.find(({ letter }) => letter === event.key);
      if (event.timeStamp < waitsUntil && view !== undefined) {
        waitsUntil = 0;
        window.location.hash = linkTo(view.path);
      } else {
        waitsUntil = event.key === "g" ? event.timeStamp + WAIT_MS : 0;
      }
    };
    window.addEventListener("keydown", onKey);
    return () => {
      window.removeEventListener("keydown", onKey);
    };
  }, [views]);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName))
  );
}
