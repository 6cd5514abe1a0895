import {
  Alert,
  Button,
  Checkbox,
  Collapse,
  Group,
  Stack,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { type ClientError, type FlattenArgs, type PlanAnswer, RpcError } from "rpcclient";

import type { Press } from "../desk/desk.ts";
import { useAnswer, useDesk, useNow, useObstacle, useRows } from "../desk/hooks.ts";
import type { Aim } from "./aim.ts";
import {
  type Asking,
  type Choice,
  furtherOf,
  remarkProblem,
  remarksOf,
  wantedOf,
} from "./choice.ts";
import classes from "./flatten.module.css";
import { HoldButton } from "./HoldButton.tsx";
import { MoreFields } from "./MoreFields.tsx";
import { isEmpty, isWidest, strangersIn, totalsOf } from "./plan.ts";
import { PlanView } from "./PlanView.tsx";
import type { Refusal } from "./refusal.ts";
import { ScopeFields } from "./ScopeFields.tsx";
import { reachedBy, SizeFields } from "./SizeFields.tsx";
import { isTooOld, type Planned, type Seen, usePlan } from "./usePlan.ts";

const WORD = "FLATTEN";
const LATE_MS = 6_000; // a plan that is so late may never come

interface PressFormProps {
  readonly aim: Aim;
  readonly choice: Choice;
  readonly onChange: (change: Partial<Choice>) => void;
  /** Why the press before this came to nothing, and the plan that it was made of. */
  readonly refused: Refused | undefined;
  readonly onPressed: (press: Press, seen: Seen | undefined) => void;
}

export interface Refused {
  readonly refusal: Refusal;
  readonly seen: Seen | undefined;
}

/** What to close, the plan of it, and the one button. */
export function PressForm({ aim, choice, onChange, refused, onPressed }: PressFormProps) {
  const [isMoreOpen, more] = useDisclosure(choice.onFence !== "" || choice.breakGlass);
  const { answer } = useAnswer("GetPreferences", {});
  const preferences = answer?.preferences;
  const wanted = wantedOf(choice);
  const further = furtherOf(choice);
  const planned = usePlan(wanted, refused?.seen);
  return (
    <>
      <div className={classes.content}>
        <ScopeFields
          choice={choice}
          onChange={(change) => {
            const reach = change.reach;
            onChange(reach === undefined ? change : { ...change, ...reachedBy(reach, choice) });
          }}
          hasPreferred={preferences?.scope !== undefined}
        />
        <SizeFields
          choice={choice}
          onChange={onChange}
          hasPreferred={preferences?.ladder !== undefined}
        />
        <div>
          <Button
            variant="subtle"
            size="compact-sm"
            onClick={more.toggle}
            aria-expanded={isMoreOpen}
            aria-controls="flatten-more"
          >
            {isMoreOpen ? "Fewer" : "More filters and terms"}
            {!isMoreOpen && further > 0 && ` (${further} set)`}
          </Button>
          <Collapse expanded={isMoreOpen} id="flatten-more">
            <MoreFields choice={choice} onChange={onChange} />
          </Collapse>
        </div>
        <Textarea
          label="Reason"
          placeholder="Kept in the audit; some calls need one"
          autosize
          minRows={1}
          maxRows={4}
          value={choice.reason}
          onChange={(event) => {
            onChange({ reason: event.currentTarget.value });
          }}
        />
        <section className={classes.plan} aria-label="Plan">
          {refused !== undefined && (
            <Alert color="yellow" mb="sm" p="sm" role="alert" title={refused.refusal.title}>
              Nothing was sent. {refused.refusal.next}
            </Alert>
          )}
          <PlanView
            planned={planned}
            problem={wanted.api === undefined ? wanted.problem : undefined}
            chosen={aim.positionIds}
          />
        </section>
      </div>
      {wanted.api !== undefined && (
        <div className={classes.foot}>
          <Trigger
            key={JSON.stringify(wanted)} // whatever was typed or agreed to was for another call
            asking={wanted}
            planned={planned}
            choice={choice}
            chosen={aim.positionIds}
            onPressed={onPressed}
          />
        </div>
      )}
    </>
  );
}

interface TriggerProps {
  readonly asking: Asking;
  readonly planned: Planned;
  readonly choice: Choice;
  readonly chosen: readonly string[] | undefined;
  readonly onPressed: (press: Press, seen: Seen | undefined) => void;
}

/** The button for the plan that is in sight, or what stands before it. */
function Trigger({ asking, planned, choice, chosen, onPressed }: TriggerProps) {
  const desk = useDesk();
  const positions = useRows(desk.positions.board);
  const now = useNow();
  const right = useObstacle("closes");
  const [word, setWord] = useState("");
  const [isAgreed, setAgreed] = useState(false);
  const { askedAt, askingSince, error } = planned;

  const plan = isTooOld(askedAt, now) ? undefined : planned.plan;
  const isLate = askingSince !== undefined && now - askingSince > LATE_MS;
  const isBlind = plan === undefined && (isLate || isServers(error));
  if (plan === undefined && !isBlind) {
    if (planned.plan === undefined) return null;
    return (
      <Button fullWidth size="md" variant="default" onClick={planned.refresh}>
        This plan is too old: plan again
      </Button>
    );
  }

  const isNothing = plan !== undefined && plan.error === undefined && plan.planned && isEmpty(plan);
  const needsWord = plan === undefined || isWidest(asking, plan, positions);
  const strangers = plan === undefined ? [] : strangersIn(plan, chosen);
  const obstacle =
    right ??
    (plan?.error === undefined ? undefined : "It cannot be planned.") ??
    (isNothing ? "Nothing matches: there is nothing to close." : undefined) ??
    remarkProblem(choice) ??
    (strangers.length > 0 && !isAgreed ? "Say first that the others are meant, too." : undefined) ??
    (needsWord && word.trim().toUpperCase() !== WORD
      ? `Type ${WORD} first: ${plan === undefined ? "there is no plan to look at" : "this closes all there is"}.`
      : undefined);
  const press = () => {
    const args: FlattenArgs = {
      ...asking.args,
      ...remarksOf(choice),
      ...(plan === undefined ? {} : { planHash: plan.planHash }),
    };
    onPressed(desk.press(asking.api, args), plan && { wanted: asking, plan });
  };
  return (
    <Stack gap="xs">
      {plan === undefined && (
        <Alert color="yellow" p="sm" title="Without a plan">
          {isLate ? "The plan does not come. " : ""}You may close without one: what is done is then
          whatever matches when the server reads the accounts.
        </Alert>
      )}
      {strangers.length > 0 && (
        <Checkbox
          label={`Close the ${strangers.length} that I did not select, too`}
          checked={isAgreed}
          onChange={(event) => {
            setAgreed(event.currentTarget.checked);
          }}
        />
      )}
      {needsWord && !isNothing && (
        <Group gap="sm" wrap="nowrap">
          <TextInput
            flex={1}
            label={
              plan === undefined
                ? `Type ${WORD} to go without a plan`
                : `This closes all there is: type ${WORD}`
            }
            autoComplete="off"
            value={word}
            onChange={(event) => {
              setWord(event.currentTarget.value);
            }}
          />
        </Group>
      )}
      <HoldButton
        key={plan?.planHash ?? "none"}
        label={labelOf(plan, choice)}
        obstacle={obstacle}
        onHeld={press}
      />
    </Stack>
  );
}

/** Whether there is no plan for a reason that is not the caller's. */
function isServers(error: ClientError | undefined): boolean {
  if (!(error instanceof RpcError)) return false;
  const number = error.data["statusCode"];
  return typeof number === "number" && (number === 429 || number >= 500);
}

function labelOf(plan: PlanAnswer | undefined, choice: Choice): string {
  if (plan === undefined) return "Hold to flatten without a plan";
  const many = totalsOf(plan).closing + (plan.legsOmitted ?? 0);
  if (many === 0 && !plan.planned) return "Hold to flatten what can be read";
  if (isEmpty(plan)) return "Nothing to flatten";
  if (many === 0) return "Hold to cancel the orders";
  const how = choice.execution === "ladder" ? " by a ladder" : "";
  const what = many === 1 ? "1 position" : `${many} positions`;
  switch (choice.amount) {
    case "all":
      return `Hold to flatten ${what}${how}`;
    case "percent":
      return `Hold to close ${choice.percent} % of ${what}${how}`;
    case "quantity":
      return `Hold to close ${choice.quantity} of ${what}${how}`;
  }
}
