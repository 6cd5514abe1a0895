/** Where we are: the part of the address behind `#/`, so that every view has a link. */
import { useCallback, useSyncExternalStore } from "react";

export interface Route {
  /** The view, such as `operations`. */
  readonly view: string;
  /** What it is about, such as an operation's id; empty if nothing. */
  readonly subject: string;
}

function watch(tell: () => void): () => void {
  window.addEventListener("hashchange", tell);
  return () => {
    window.removeEventListener("hashchange", tell);
  };
}

export function useRoute(): Route {
  const hash = useSyncExternalStore(watch, () => window.location.hash);
  const [view = "", ...rest] = hash.replace(/^#\/?/, "").split("/");
  return { view, subject: subjectIn(rest.join("/")) };
}

/** A mistyped address is one that nothing is found under: no reason to show nothing at all. */
function subjectIn(part: string): string {
  return decodedPart(part) ?? part;
}

/** What stands in an address; undefined if nobody can have meant it. */
export function decodedPart(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** The link to a view, and to something in it. */
export function linkTo(view: string, subject = ""): string {
  return subject === "" ? `#/${view}` : `#/${view}/${encodeURIComponent(subject)}`;
}

export function useGo(): (view: string, subject?: string) => void {
  return useCallback((view: string, subject?: string) => {
    window.location.hash = linkTo(view, subject);
  }, []);
}
