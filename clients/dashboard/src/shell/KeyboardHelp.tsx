import { Kbd, Modal, Table, Text } from "@mantine/core";

import type { View } from "./views.ts";

interface KeyboardHelpProps {
  readonly views: readonly View[];
  readonly mayClose: boolean;
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

/** What can be pressed from anywhere. */
export function KeyboardHelp({ views, mayClose, isOpen, onClose }: KeyboardHelpProps) {
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title="Keys"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Table verticalSpacing={6} aria-label="Keys">
        <Table.Tbody>
          {mayClose && <KeyRow keys={["f"]} does="Flatten: choose what to close" />}
          {views.map(({ path, name, letter }) => (
            <KeyRow key={path} keys={["g", letter]} does={`Go to ${name}`} />
          ))}
          <KeyRow keys={["?"]} does="These keys" />
          <KeyRow keys={["Esc"]} does="Close what is open" />
        </Table.Tbody>
      </Table>
      <Text size="sm" c="dimmed" mt="md">
        Nothing is closed by a key alone: it opens the drawer, and the drawer wants a held button.
      </Text>
    </Modal>
  );
}

function KeyRow({ keys, does }: { readonly keys: readonly string[]; readonly does: string }) {
  return (
    <Table.Tr>
      <Table.Th scope="row" w={110} fw={400}>
        {keys.map((key, index) => (
          <span key={key}>
            {index > 0 && " then "}
            <Kbd>{key}</Kbd>
          </span>
        ))}
      </Table.Th>
      <Table.Td>{does}</Table.Td>
    </Table.Tr>
  );
}
