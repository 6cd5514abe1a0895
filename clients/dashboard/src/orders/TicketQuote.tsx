import { Group, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";

import { explain, useAnswer } from "../desk/hooks.ts";
import { formatPrice } from "../words/format.ts";

interface TicketQuoteProps {
  readonly instrument: string;
  /** `venue:account`, or empty. */
  readonly account: string;
}

const TYPING_MS = 300;
const ASK_EVERY_MS = 2_000;

/** What the instrument costs now; nothing until one is named. */
export function TicketQuote(props: TicketQuoteProps) {
  const [{ instrument, account }] = useDebouncedValue(props, TYPING_MS);
  if (instrument === "" || instrument.includes(",")) return null;
  return <Quote key={`${account} ${instrument}`} instrument={instrument} account={account} />;
}

function Quote({ instrument, account }: TicketQuoteProps) {
  const args = account === "" ? { instrument } : { instrument, account };
  const { answer, error } = useAnswer("GetQuote", args, { everyMs: ASK_EVERY_MS });
  if (error !== undefined) {
    return (
      <Text size="sm" c="dimmed" role="status">
        No quote: {explain(error)}
      </Text>
    );
  }
  if (answer === undefined || Array.isArray(answer)) return null;
  const { bid, ask, last, isMarketOpen, currency, tickSize } = answer;
  return (
    <Group gap="lg" aria-label={`Quote of ${answer.instrument}`} role="group">
      <Text size="sm" fw={600}>
        {answer.instrument}
      </Text>
      <Figure name="Bid" value={bid} />
      <Figure name="Ask" value={ask} />
      <Figure name="Last" value={last} />
      <Text size="sm" c="dimmed">
        {isMarketOpen ? "Open" : "Market closed"} · {currency} · tick {tickSize}
      </Text>
    </Group>
  );
}

/** CrossTrade writes 0 where there is no price. */
function Figure({ name, value }: { readonly name: string; readonly value: number }) {
  return (
    <Text size="sm">
      <Text span c="dimmed" size="sm">
        {name}{" "}
      </Text>
      {formatPrice(value === 0 ? undefined : value)}
    </Text>
  );
}
