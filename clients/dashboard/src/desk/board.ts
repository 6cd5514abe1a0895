/** Rows by key, told in batches: a screen draws sixty times a second, however often rows change. */

type Tell = () => void;

/** Call *tell* when the screen is drawn next; a page that nobody looks at draws no more. */
export function nextFrame(tell: Tell): void {
  if (document.hidden) setTimeout(tell, 250);
  else requestAnimationFrame(tell);
}

export class Board<Row> {
  readonly #rows = new Map<string, Row>();
  readonly #watchers = new Set<Tell>();
  readonly #rowWatchers = new Map<string, Set<Tell>>();
  readonly #changed = new Set<string>();
  #list: readonly Row[] | undefined;
  #isRead = false;
  #isAwaited = false;

  /** *soon* decides when watchers are told of what changed. */
  constructor(
    private readonly keyOf: (row: Row) => string,
    private readonly soon: (tell: Tell) => void = nextFrame,
  ) {}

  /** Every row; the same array for as long as nothing changes. */
  get rows(): readonly Row[] {
    return (this.#list ??= [...this.#rows.values()]);
  }

  /** Whether all rows were ever told: before that, none is not "there are none". */
  get isRead(): boolean {
    return this.#isRead;
  }

  get size(): number {
    return this.#rows.size;
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  put(row: Row): void {
    const key = this.keyOf(row);
    this.#rows.set(key, row);
    this.#change(key);
  }

  remove(key: string): void {
    if (this.#rows.delete(key)) this.#change(key);
  }

  /** Where there are more than *most*, let the oldest go of those that may. */
  trim(most: number, mayGo: (row: Row) => boolean = () => true): void {
    let tooMany = this.#rows.size - most;
    if (tooMany <= 0) return;
    for (const [key, row] of this.#rows) {
      if (tooMany <= 0) break;
      if (!mayGo(row)) continue;
      this.remove(key);
      tooMany -= 1;
    }
  }

  /** Forget what was known: these are all the rows there are. */
  replace(rows: readonly Row[]): void {
    for (const key of this.#rows.keys()) this.#changed.add(key);
    this.#rows.clear();
    this.#isRead = true;
    for (const row of rows) this.put(row);
    this.#change(undefined);
  }

  /** Be told of changes of any row; call what is returned to hear no more. */
  watch(tell: Tell): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }

  /** Be told of changes of any row, at once and then at most every *ms*. */
  watchEvery(ms: number, tell: Tell): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let hasChanged = false;
    const rest = (): void => {
      timer = setTimeout(() => {
        timer = undefined;
        if (hasChanged) hear();
      }, ms);
    };
    const hear = (): void => {
      hasChanged = timer !== undefined;
      if (hasChanged) return;
      rest();
      tell();
    };
    const stop = this.watch(hear);
    return () => {
      clearTimeout(timer);
      stop();
    };
  }

  /** Be told of changes of one row. */
  watchRow(key: string, tell: Tell): () => void {
    const watchers = this.#rowWatchers.get(key) ?? new Set();
    this.#rowWatchers.set(key, watchers.add(tell));
    return () => {
      watchers.delete(tell);
      if (watchers.size === 0 && this.#rowWatchers.get(key) === watchers) {
        this.#rowWatchers.delete(key);
      }
    };
  }

  #change(key: string | undefined): void {
    if (key !== undefined) this.#changed.add(key);
    this.#list = undefined;
    if (this.#isAwaited) return;
    this.#isAwaited = true;
    this.soon(() => {
      this.#tell();
    });
  }

  #tell(): void {
    this.#isAwaited = false;
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const tell of [...this.#watchers]) tell();
    if (this.#rowWatchers.size === 0) return;
    for (const key of changed) {
      for (const tell of [...(this.#rowWatchers.get(key) ?? [])]) tell();
    }
  }
}
