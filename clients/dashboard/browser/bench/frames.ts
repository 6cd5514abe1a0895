/** Watching a page from within: what it drew, and what it was told. */
import type { Page } from "@playwright/test";

export interface Pace {
  /** Frames a second. */
  readonly mean: number;
  /** What ninety-nine of a hundred frames are faster than, as frames a second. */
  readonly slowest: number;
  /** Milliseconds. */
  readonly longest: number;
  /** Quotes a second. */
  readonly updates: number;
}

interface Heard {
  frames: number;
  quotes: number;
}

declare global {
  interface Window {
    heard: Heard;
    firstRowAt: number;
  }
}

/**
 * Before the page's own scripts: count what comes, and note when the first row is there.
 *
 * It also has the page ask for quotes every *intervalMs*, more often than it does by itself.
 */
export async function wiretap(page: Page, intervalMs: number): Promise<void> {
  await page.addInitScript((interval) => {
    window.heard = { frames: 0, quotes: 0 };
    const Native = WebSocket;
    window.WebSocket = class extends Native {
      constructor(url: string | URL) {
        super(url);
        this.addEventListener("message", ({ data }: MessageEvent<string>) => {
          if (!data.startsWith('{"type":"marketData"')) return;
          window.heard.frames += 1;
          // Counting costs as much as reading does: one in ten stands for the others.
          if (window.heard.frames % 10 === 1) {
            window.heard.quotes += 10 * (data.split('"instrument"').length - 1);
          }
        });
      }

      override send(text: string): void {
        const isSubscription = text.startsWith('{"action":"subscribe"');
        super.send(
          isSubscription ? text.replace(/"interval":\d+/, `"interval":${interval}`) : text,
        );
      }
    };
    const rows = new MutationObserver(() => {
      if (document.querySelector("[role=row][data-key]") === null) return;
      window.firstRowAt = performance.now();
      rows.disconnect();
    });
    rows.observe(document, { childList: true, subtree: true });
  }, intervalMs);
}

/** Watch the page draw for so long; while it scrolls, if *pixels* a frame are given. */
export async function paceOf(page: Page, seconds: number, pixels = 0): Promise<Pace> {
  return page.evaluate(
    async ([watched, step]) => {
      const scroller = document.querySelector("[aria-rowcount]");
      const took: number[] = [];
      const before = { ...window.heard };
      const begun = performance.now();
      let last = begun;
      let way = step;
      while (last - begun < watched * 1000) {
        const now = await new Promise(requestAnimationFrame);
        if (took.length > 0 || now > begun) took.push(now - last);
        last = now;
        if (scroller === null || step === 0) continue;
        const { scrollTop, scrollHeight, clientHeight } = scroller;
        if (scrollTop + way < 0 || scrollTop + way > scrollHeight - clientHeight) way = -way;
        scroller.scrollTop += way;
      }
      took.sort((one, other) => one - other);
      const all = took.reduce((sum, each) => sum + each, 0);
      return {
        mean: (1000 * took.length) / all,
        slowest: 1000 / (took[Math.floor(took.length * 0.99)] ?? NaN),
        longest: took.at(-1) ?? NaN,
        updates: (window.heard.quotes - before.quotes) / (all / 1000),
      };
    },
    [seconds, pixels] as const,
  );
}
