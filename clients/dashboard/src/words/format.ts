/** How figures and times are written, the same everywhere. */

const money = new Intl.NumberFormat("en-US", {
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
  signDisplay: "exceptZero",
});
const tinyMoney = new Intl.NumberFormat("en-US", {
  maximumSignificantDigits: 3,
  signDisplay: "exceptZero",
});
const price = new Intl.NumberFormat("en-US", {
  minimumFractionDigits: 2,
  maximumFractionDigits: 8,
});
const amount = new Intl.NumberFormat("en-US", {
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const count = new Intl.NumberFormat("en-US");

/**
 * `+1,250.00`; nothing where there is no figure: a missing one is never zero.
 *
 * What is too little for two digits, such as a profit in coins, has as many as it takes.
 */
export function formatMoney(amount: number | undefined): string {
  if (amount === undefined || Number.isNaN(amount)) return "–";
  const isTiny = amount !== 0 && Math.abs(amount) < 0.005;
  return (isTiny ? tinyMoney : money).format(amount);
}

/** `50,061.25`: of what there is, where a profit says by how much it changed. */
export function formatAmount(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? "–" : amount.format(value);
}

export function formatPrice(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? "–" : price.format(value);
}

export function formatCount(value: number): string {
  return count.format(value);
}

/** The time of day on this machine's clock, `15:04:05`. */
export function formatTime(at: string | number | undefined): string {
  if (at === undefined) return "–";
  return new Date(at).toLocaleTimeString("en-GB");
}

/** `2025-11-20 15:04:05`, on this machine's clock. */
export function formatDateTime(at: string | number | undefined): string {
  if (at === undefined) return "–";
  const date = new Date(at);
  return `${date.toLocaleDateString("sv-SE")} ${date.toLocaleTimeString("en-GB")}`;
}

/** How long, as a person says it: `840 ms`, `12.4 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** How long ago, in whole seconds: `12 s`, `3 min 20 s`. */
export function formatAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  return seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1000);
}
