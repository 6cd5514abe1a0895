import { ActionIcon, CopyButton, Paper, Text, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { formatCount, formatDateTime, formatDuration } from "../words/format.ts";
import { verdictOf } from "../words/outcomes.ts";
import classes from "./operations.module.css";
import { type Ended, verdictOn } from "./verdict.ts";

export interface Proven extends Ended {
  readonly provenAt: string | null;
  readonly durationMs: number;
  readonly auditSeq: number;
  readonly auditHead: string;
  readonly auditSignature?: string;
  readonly approvedBy?: string;
  readonly alone?: boolean;
  readonly stayFlatUntil?: string;
  readonly unprotected?: boolean;
}

interface ProofProps {
  readonly ended: Proven;
}

/** How it ended, and what proves it: the reading of the venue, and the place in the audit. */
export function Proof({ ended }: ProofProps) {
  const verdict = verdictOn(ended);
  if (verdict === undefined) return null;
  const counts = Object.entries(ended.counts).filter(([, many]) => many > 0);
  return (
    <Paper withBorder className={classes.proof} data-color={verdict.color}>
      <div className={classes.verdict}>
        <strong className={classes.verdictWord}>{verdict.word}</strong>
        <Text>
          {verdict.word === "FLAT" && ended.provenAt !== null
            ? `Proven at ${formatDateTime(ended.provenAt)}, in ${formatDuration(ended.durationMs)}`
            : verdict.text}
        </Text>
      </div>
      {verdict.word === "FLAT" && (
        <Text size="sm" c="dimmed">
          {verdict.text}
        </Text>
      )}
      {ended.unprotected === true && (
        <Text size="sm" fw={600}>
          A protective order was canceled, and its position is not flat.
        </Text>
      )}
      <dl className={classes.facts}>
        {counts.length > 0 && (
          <Fact name="Legs">
            {counts
              .map(([outcome, many]) => `${formatCount(many)} ${verdictOf(outcome).word}`)
              .join(" · ")}
          </Fact>
        )}
        {verdict.word !== "FLAT" && (
          <Fact name="Oldest proof">{formatDateTime(ended.provenAt ?? undefined)}</Fact>
        )}
        {verdict.word !== "FLAT" && <Fact name="Took">{formatDuration(ended.durationMs)}</Fact>}
        {ended.approvedBy !== undefined && <Fact name="Second person">{ended.approvedBy}</Fact>}
        {ended.alone === true && <Fact name="Second person">none: the glass was broken</Fact>}
        {ended.stayFlatUntil !== undefined && (
          <Fact name="Watched until">{formatDateTime(ended.stayFlatUntil)}</Fact>
        )}
        <Fact name="Audit">
          entry {formatCount(ended.auditSeq)}, head{" "}
          <Hash text={ended.auditHead} what="audit head" />
        </Fact>
        {ended.auditSignature !== undefined && (
          <Fact name="Signature">
            <Hash text={ended.auditSignature} what="signature" />
          </Fact>
        )}
      </dl>
    </Paper>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** A long text of digits that somebody may want to keep. */
function Hash({ text, what }: { readonly text: string; readonly what: string }) {
  return (
    <span className={classes.hash}>
      <code title={text}>{text.slice(0, 16)}…</code>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? "Copied" : `Copy the ${what}`}>
            <ActionIcon
              variant="subtle"
              color="gray"
              size="sm"
              aria-label={`Copy the ${what}`}
              onClick={copy}
            >
              {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </span>
  );
}
