import { Anchor, Group, Notification, Text } from "@mantine/core";
import { IconAlertOctagon } from "@tabler/icons-react";

import { useDesk, useRights, useRows } from "../../desk/hooks.ts";
import type { NewsItem } from "../../desk/news.ts";
import { linkTo } from "../../shell/route.ts";
import { formatCount, formatTime } from "../../words/format.ts";
import classes from "./Announcements.module.css";

const SHOWN_MAX = 3;

/** What failed is said at once, wherever one is, and stays until somebody has seen it. */
export function Announcements() {
  const { news } = useDesk();
  const items = useRows(news.board);
  const more = items.length - SHOWN_MAX;
  return (
    <div className={classes.stack}>
      {items.slice(-SHOWN_MAX).map((item) => (
        <Announcement
          key={item.key}
          item={item}
          onClose={() => {
            news.board.remove(item.key);
          }}
        />
      ))}
      {more > 0 && (
        <Notification
          color="red"
          role="alert"
          closeButtonProps={{ "aria-label": "Dismiss all" }}
          onClose={() => {
            news.board.replace([]);
          }}
        >
          <Text size="sm" c="var(--mantine-color-text)">
            {`and ${formatCount(more)} more`}
          </Text>
        </Notification>
      )}
    </div>
  );
}

interface AnnouncementProps {
  readonly item: NewsItem;
  readonly onClose: () => void;
}

function Announcement({ item, onClose }: AnnouncementProps) {
  const { oversees } = useRights();
  const { title, detail, at, operationIds } = item;
  const [operationId] = operationIds;
  return (
    <Notification
      role="alert"
      color="red"
      withBorder
      icon={<IconAlertOctagon size={20} />}
      title={title}
      closeButtonProps={{ "aria-label": "Dismiss" }}
      onClose={onClose}
    >
      <Text size="sm" lineClamp={3} c="var(--mantine-color-text)">
        {detail}
      </Text>
      <Group gap="sm" c="var(--mantine-color-text)">
        <Text size="xs">{formatTime(at)}</Text>
        {operationId !== undefined && (
          <Anchor size="xs" href={linkTo("operations", operationId)}>
            See the operation
          </Anchor>
        )}
        {oversees && (
          <Anchor size="xs" href={linkTo("alerts")}>
            See the alerts
          </Anchor>
        )}
      </Group>
    </Notification>
  );
}
