/** What is shown, and in which groups. */
import { NativeSelect } from "@mantine/core";

import type { Narrowing } from "./narrowing.ts";

export const GROUPINGS = {
  "": "No groups",
  account: "By account",
  instrument: "By instrument",
  venue: "By venue",
  "venue account": "By venue and account",
} as const;

export type Grouping = keyof typeof GROUPINGS;

interface NarrowingBarProps {
  readonly venues: readonly string[];
  readonly narrowing: Narrowing;
  readonly onNarrow: (narrowing: Narrowing) => void;
  readonly grouping: Grouping;
  readonly onGroup: (grouping: Grouping) => void;
}

export function NarrowingBar(props: NarrowingBarProps) {
  const { venues, narrowing, onNarrow, grouping, onGroup } = props;
  return (
    <>
      <NativeSelect
        size="xs"
        aria-label="Groups"
        data={Object.entries(GROUPINGS).map(([value, label]) => ({ value, label }))}
        value={grouping}
        onChange={(event) => {
          onGroup(event.currentTarget.value as Grouping);
        }}
      />
      <NativeSelect
        size="xs"
        aria-label="Side"
        data={[
          { value: "", label: "Long and short" },
          { value: "long", label: "Long" },
          { value: "short", label: "Short" },
        ]}
        value={narrowing.side}
        onChange={(event) => {
          onNarrow({ ...narrowing, side: event.currentTarget.value as Narrowing["side"] });
        }}
      />
      <NativeSelect
        size="xs"
        aria-label="Result"
        data={[
          { value: "", label: "Any result" },
          { value: "winning", label: "Winning" },
          { value: "losing", label: "Losing" },
          { value: "trouble", label: "Failed or unknown" },
          { value: "closing", label: "Being closed" },
        ]}
        value={narrowing.result}
        onChange={(event) => {
          onNarrow({ ...narrowing, result: event.currentTarget.value as Narrowing["result"] });
        }}
      />
      {(venues.length > 1 || narrowing.venue !== "") && (
        <NativeSelect
          size="xs"
          aria-label="Venue"
          data={[{ value: "", label: "Every venue" }, ...venues]}
          value={narrowing.venue}
          onChange={(event) => {
            onNarrow({ ...narrowing, venue: event.currentTarget.value });
          }}
        />
      )}
    </>
  );
}
