import { ActionIcon, Button, Progress, Text } from "@mantine/core";
import { IconX } from "@tabler/icons-react";

import type { Press } from "../desk/desk.ts";
import { useDesk, useStory } from "../desk/hooks.ts";
import type { Story } from "../desk/story.ts";
import { verdictOn } from "../operations/verdict.ts";
import { formatCount } from "../words/format.ts";
import { describe } from "./choice.ts";
import classes from "./flatten.module.css";
import { refusalOfPress } from "./refusal.ts";
import { useConfirmed, waitingOf } from "./useConfirmed.ts";

interface PressLineProps {
  readonly press: Press;
  readonly onLook: (press: Press) => void;
}

/** One press in one line: how far it is, or how it ended. */
export function PressLine({ press, onLook }: PressLineProps) {
  const desk = useDesk();
  const { story } = press;
  useStory(story);
  useConfirmed(press);
  const end = endOf(press);
  const name = describe(press.api, press.args);
  return (
    <div className={classes.running} data-color={end?.color}>
      <Text span size="sm" fw={600}>
        {name}
      </Text>
      {end === undefined ? (
        <Underway story={story} />
      ) : (
        <Text span size="sm" flex={1} role="status">
          {end.text}
        </Text>
      )}
      <Button
        size="compact-xs"
        variant="default"
        onClick={() => {
          onLook(press);
        }}
      >
        Look at it
      </Button>
      {end !== undefined && (
        <ActionIcon
          variant="subtle"
          color="gray"
          size="sm"
          aria-label={`Put away: ${name}`}
          onClick={() => {
            desk.presses.remove(press.key);
          }}
        >
          <IconX size={14} />
        </ActionIcon>
      )}
    </div>
  );
}

export function Underway({ story: { done, total } }: { readonly story: Story }) {
  return (
    <>
      <Progress
        className={classes.runningBar}
        value={total === 0 ? 0 : Math.round((done / total) * 100)}
        aria-label="Legs that ended"
      />
      <Text span size="sm">
        {total === 0 ? "beginning…" : `${formatCount(done)} of ${formatCount(total)} ended`}
      </Text>
    </>
  );
}

interface End {
  readonly color: string;
  readonly text: string;
}

function endOf(press: Press): End | undefined {
  if (waitingOf(press) !== undefined) {
    return { color: "yellow", text: "Waits for a second person: nothing is sent yet" };
  }
  const { answer } = press.story;
  const refusal = refusalOfPress(press.story);
  if (refusal !== undefined) {
    const sent = refusal.isNothingSent ? ": nothing was sent" : "";
    return { color: "yellow", text: `${refusal.title}${sent}` };
  }
  const verdict = answer && verdictOn(answer);
  return verdict && { color: verdict.color, text: `${verdict.word}. ${verdict.text}` };
}
