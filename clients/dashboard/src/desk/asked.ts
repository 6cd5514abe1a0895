/** What no channel tells, and everybody should see: it is asked for again and again. */

type Tell = () => void;

const EVERY_MS = 10_000;

/** The newest answer to a question, asked every few seconds and whenever there is a reason to. */
export class Asked<Answer> {
  #answer: Answer | undefined;
  #isAsking = false;
  #isWanted = false;
  readonly #watchers = new Set<Tell>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly ask: () => PromiseLike<Answer>) {}

  /** Undefined until the first one came. */
  get answer(): Answer | undefined {
    return this.#answer;
  }

  start(): void {
    this.#timer = setInterval(this.refresh, EVERY_MS);
    this.refresh();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Ask now. While a question is under way the next one waits for its answer. */
  readonly refresh = (): void => {
    this.#isWanted = true;
    if (!this.#isAsking) void this.#askOn();
  };

  watch(tell: Tell): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }

  async #askOn(): Promise<void> {
    this.#isAsking = true;
    while (this.#isWanted) {
      this.#isWanted = false;
      try {
        this.#answer = await this.ask();
        for (const tell of [...this.#watchers]) tell();
      } catch {
        // What was known stays; the connection's state says how old it is.
      }
    }
    this.#isAsking = false;
  }
}
