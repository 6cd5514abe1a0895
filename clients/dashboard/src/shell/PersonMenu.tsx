import { ActionIcon, Menu, Text, useMantineColorScheme } from "@mantine/core";
import {
  IconCheck,
  IconDeviceDesktop,
  IconKeyboard,
  IconLogout,
  IconMoon,
  IconSun,
  IconUserCircle,
} from "@tabler/icons-react";

import { useDesk } from "../desk/hooks.ts";

interface PersonMenuProps {
  readonly onKeys: () => void;
  readonly onSignOut: () => void;
}

const SCHEMES = [
  { value: "light", name: "Light", icon: IconSun },
  { value: "dark", name: "Dark", icon: IconMoon },
  { value: "auto", name: "As the system", icon: IconDeviceDesktop },
] as const;

/** Who is signed in here, how the page looks to them, and the way out. */
export function PersonMenu({ onKeys, onSignOut }: PersonMenuProps) {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { client, principal } = useDesk();
  const roles = client.authenticated?.roles ?? [];
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={`Signed in as ${principal}`}
        >
          <IconUserCircle size={22} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text fw={600} size="sm">
            {principal}
          </Text>
          {roles.join(", ")}
        </Menu.Label>
        <Menu.Divider />
        {SCHEMES.map(({ value, name, icon: Icon }) => (
          <Menu.Item
            key={value}
            role="menuitemradio"
            aria-checked={colorScheme === value}
            leftSection={<Icon size={16} />}
            rightSection={colorScheme === value ? <IconCheck size={16} /> : undefined}
            onClick={() => {
              setColorScheme(value);
            }}
          >
            {name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconKeyboard size={16} />} onClick={onKeys} visibleFrom="sm">
          Keys
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={onSignOut}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
