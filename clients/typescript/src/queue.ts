import type { ClientError } from "./errors.ts";

/**
 * What came and was not read yet, for one reader: bounded, because a reader may be gone.
 *
 * Where it is full, `onFull` decides what goes; what went is counted.
 */
export class Queue<Item> implements AsyncIterator<Item, undefined> {
  /** How many items were dropped because nobody read them. */
  missed = 0;
  #items: Item[] = [];
  #waiting: ((wakened: undefined) => void) | undefined;
  #isOver = false;
  #error: ClientError | undefined;

  constructor(
    private readonly limit: number,
    private readonly onFull: (queue: Queue<Item>) => void = (queue) => {
      queue.drop(1);
    },
  ) {}

  push(item: Item): void {
    if (this.#isOver) return;
    if (this.#items.length >= this.limit) this.onFull(this);
    this.#items.push(item);
    this.#wake();
  }

  /** Drop the oldest `count` items. */
  drop(count = this.#items.length): void {
    this.missed += this.#items.splice(0, count).length;
  }

  /** Nothing more will come: what is here may still be read, then the error is thrown. */
  end(error?: ClientError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#wake();
  }

  async next(): Promise<IteratorResult<Item, undefined>> {
    for (;;) {
      if (this.#items.length > 0) return { done: false, value: this.#items.shift() as Item };
      if (this.#error !== undefined) throw this.#error;
      if (this.#isOver) return { done: true, value: undefined };
      await new Promise<undefined>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  #wake(): void {
    this.#waiting?.(undefined);
    this.#waiting = undefined;
  }
}
