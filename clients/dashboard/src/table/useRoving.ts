/** One line of a table has the keyboard: arrows move it, and only it is a tab stop. */
import {
  type KeyboardEvent,
  type RefObject,
  useCallback,
  useLayoutEffect,
  useRef,
  useState,
} from "react";

import type { Line } from "./outline.ts";

interface Roving<Row> {
  readonly lines: readonly Line<Row>[];
  readonly scroller: RefObject<HTMLElement | null>;
  readonly toggle: (key: string) => void;
  readonly act: (line: Line<Row>, how: "open" | "select") => void;
}

const LINE_HEIGHT = 34; // pixels, about: how far a page is

export function useRoving<Row>({ lines, scroller, toggle, act }: Roving<Row>) {
  const [active, setActive] = useState<string>();
  const isToBeFocused = useRef(false);
  const found = lines.findIndex(({ key }) => key === active);
  const activeIndex = found === -1 && lines.length > 0 ? 0 : found;

  useLayoutEffect(() => {
    if (!isToBeFocused.current || active === undefined) return;
    isToBeFocused.current = false;
    const line = scroller.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(active)}"]`);
    line?.focus({ preventScroll: true });
  }, [active, scroller]);

  const lineAt = useCallback(
    (element: HTMLElement): Line<Row> | undefined => {
      const key = element.closest<HTMLElement>("[data-key]")?.dataset["key"];
      return lines.find((line) => line.key === key);
    },
    [lines],
  );

  /** The index of the line that the key moved to, if it moved. */
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): number | undefined => {
    const target = event.target as HTMLElement;
    const line = lineAt(target);
    if (line === undefined || event.altKey || event.ctrlKey || event.metaKey) return undefined;
    const index = lines.indexOf(line);
    const isOnLine = target.dataset["key"] !== undefined;
    if (isOnLine && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      act(line, event.key === " " ? "select" : "open");
      return undefined;
    }
    if (isOnLine && line.is === "group" && isSideways(event.key, line.isOpen)) {
      event.preventDefault();
      toggle(line.key);
      return undefined;
    }
    const to = destination(event.key, index, lines, pageOf(scroller.current));
    if (to === undefined) return undefined;
    event.preventDefault();
    const next = lines[Math.max(0, Math.min(lines.length - 1, to))];
    if (next === undefined) return undefined;
    isToBeFocused.current = true;
    setActive(next.key);
    return lines.indexOf(next);
  };

  return { activeIndex, setActive, lineAt, onKeyDown };
}

function isSideways(key: string, isOpen: boolean): boolean {
  return isOpen ? key === "ArrowLeft" : key === "ArrowRight";
}

function destination<Row>(
  key: string,
  index: number,
  lines: readonly Line<Row>[],
  page: number,
): number | undefined {
  switch (key) {
    case "ArrowDown":
      return index + 1;
    case "ArrowUp":
      return index - 1;
    case "PageDown":
      return index + page;
    case "PageUp":
      return index - page;
    case "Home":
      return 0;
    case "End":
      return lines.length - 1;
    case "ArrowLeft":
      return parentOf(index, lines);
    default:
      return undefined;
  }
}

/** The group that a line stands in; undefined where it stands in none. */
function parentOf<Row>(index: number, lines: readonly Line<Row>[]): number | undefined {
  const level = lines[index]?.level ?? 1;
  for (let above = index - 1; above >= 0; above -= 1) {
    if ((lines[above]?.level ?? level) < level) return above;
  }
  return undefined;
}

function pageOf(scroller: HTMLElement | null): number {
  return Math.max(1, Math.floor((scroller?.clientHeight ?? 0) / LINE_HEIGHT) - 2);
}
