/** How the page looks: calm until something is wrong, and readable in either light. */
import {
  createTheme,
  type CSSVariablesResolver,
  DEFAULT_THEME,
  type MantineColorsTuple,
} from "@mantine/core";

const sea: MantineColorsTuple = [
  "#e6f7f4",
  "#d0ebe6",
  "#a3d8cd",
  "#72c4b3",
  "#4bb39d",
  "#32a98f",
  "#1b806b",
  "#14705e",
  "#0d5648",
  "#063c32",
];

/** White stands on every shade that buttons are filled with. */
const red: MantineColorsTuple = [
  "#fff0f0",
  "#ffdede",
  "#ffbdbd",
  "#ff9494",
  "#f76d6d",
  "#ea4d4d",
  "#d93636",
  "#c92a2a",
  "#ad2323",
  "#8a1c1c",
];

/** The darkest shade writes on the palest, and Mantine's own is too pale for that. */
function withDarkest(name: "orange" | "teal" | "yellow", darkest: string): MantineColorsTuple {
  const [a, b, c, d, e, f, g, h, i] = DEFAULT_THEME.colors[name];
  return [a, b, c, d, e, f, g, h, i, darkest];
}

export const theme = createTheme({
  primaryColor: "sea",
  primaryShade: { light: 7, dark: 6 },
  colors: {
    sea,
    red,
    orange: withDarkest("orange", "#8a3c05"),
    teal: withDarkest("teal", "#06604a"),
    yellow: withDarkest("yellow", "#754800"),
  },
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, monospace",
  defaultRadius: "sm",
  respectReducedMotion: true,
  autoContrast: true,
});

/** What is said quietly is still read: at least 4.5 to 1 on what it stands on. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#5a6168",
    "--mantine-color-placeholder": "#6a7178",
    "--mantine-color-error": red[7],
  },
  dark: {
    "--mantine-color-dimmed": "#a9a9a9",
    "--mantine-color-placeholder": "#9c9c9c",
    "--mantine-color-error": red[3],
  },
});
