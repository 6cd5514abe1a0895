import { useDesk } from "../desk/hooks.ts";
import { Fact, Figures } from "./Fact.tsx";

/** Who this page is, to the server. */
export function TokenFact() {
  const { client } = useDesk();
  const { principal = "–", roles = [], accounts = [] } = client.authenticated ?? {};
  return (
    <Fact title="Signed in as" word={principal} tone="good">
      <Figures
        of={[
          ["Roles", roles.join(", ")],
          ["Accounts", accounts.includes("*") ? "all" : accounts.join(", ") || "none"],
          ["Server", window.location.host],
        ]}
      />
    </Fact>
  );
}
