/** The headings: press one to sort by it, again for the other way round, again for neither. */
import type { Placed } from "./column.ts";
import classes from "./DataTable.module.css";

interface Sorter {
  readonly getIsSorted: () => false | "asc" | "desc";
  readonly getToggleSortingHandler: () => ((event: unknown) => void) | undefined;
}

interface Checks {
  readonly isAll: boolean;
  readonly isSome: boolean;
  readonly onToggle: () => void;
}

interface HeadProps<Row> {
  readonly placed: readonly Placed<Row>[];
  readonly tracks: string;
  readonly sorterOf: (id: string) => Sorter | undefined;
  /** Undefined where rows cannot be selected. */
  readonly checks: Checks | undefined;
}

const WORDS = { asc: "ascending", desc: "descending" } as const;

export function Head<Row>({ placed, tracks, sorterOf, checks }: HeadProps<Row>) {
  return (
    <div
      role="row"
      aria-rowindex={1}
      className={classes.headings}
      style={{ gridTemplateColumns: tracks }}
    >
      {checks !== undefined && (
        <div role="columnheader" className={classes.cell}>
          <input
            type="checkbox"
            className={classes.check}
            aria-label="Select all"
            checked={checks.isAll}
            ref={(box) => {
              if (box !== null) box.indeterminate = checks.isSome && !checks.isAll;
            }}
            onChange={checks.onToggle}
          />
        </div>
      )}
      {placed.map(({ column }) => {
        const sorter = sorterOf(column.id);
        const sorted = sorter?.getIsSorted() ?? false;
        return (
          <div
            key={column.id}
            role="columnheader"
            className={classes.cell}
            data-figure={column.isFigure}
            aria-sort={
              column.isPlain === true ? undefined : sorted === false ? "none" : WORDS[sorted]
            }
          >
            {column.isPlain === true ? (
              <span className={classes.heading}>{column.header}</span>
            ) : (
              <button
                type="button"
                className={classes.sorter}
                onClick={sorter?.getToggleSortingHandler()}
              >
                {column.header}
                <span aria-hidden>{sorted === "asc" ? " ▲" : sorted === "desc" ? " ▼" : ""}</span>
              </button>
            )}
          </div>
        );
      })}
    </div>
  );
}
