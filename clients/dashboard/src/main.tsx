import "./styles.ts";
import "./global.css";

import { MantineProvider } from "@mantine/core";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App.tsx";
import { ViewBoundary } from "./shell/ViewBoundary.tsx";
import { cssVariables, theme } from "./theme.ts";

/** The server's policy takes only styles that bear the nonce of this very page. */
function styleNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
}

// What locks the page's scrolling behind a dialog writes a style of its own, and looks here.
Object.assign(window, { __webpack_nonce__: styleNonce() });

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      defaultColorScheme="auto"
      getStyleNonce={styleNonce}
    >
      <ViewBoundary name="rpcserver" extent="page">
        <App />
      </ViewBoundary>
    </MantineProvider>
  </StrictMode>,
);
