/** How the page looks: calm until something is wrong. */
import { createTheme, type MantineColorsTuple } from "@mantine/core";

const sea: MantineColorsTuple = [
  "#e6f7f4",
  "#d0ebe6",
  "#a3d8cd",
  "#72c4b3",
  "#4bb39d",
  "#32a98f",
  "#1f8f78",
  "#14705e",
  "#0d5648",
  "#063c32",
];

export const theme = createTheme({
  primaryColor: "sea",
  primaryShade: { light: 7, dark: 6 },
  colors: { sea },
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, monospace",
  defaultRadius: "sm",
  respectReducedMotion: true,
  autoContrast: true,
});
