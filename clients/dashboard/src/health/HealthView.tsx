import { useRights } from "../desk/hooks.ts";
import { Page } from "../shell/Page.tsx";
import { AuditTail } from "./AuditTail.tsx";
import { ConnectionFact } from "./ConnectionFact.tsx";
import classes from "./Health.module.css";
import { ReadinessFact } from "./ReadinessFact.tsx";
import { TokenFact } from "./TokenFact.tsx";
import { VenuesFact } from "./VenuesFact.tsx";

/** Whether everything between this page and the positions is well. */
export function HealthView() {
  const { oversees } = useRights();
  return (
    <Page title="Health">
      <div className={classes.facts}>
        <ReadinessFact />
        <VenuesFact />
        <ConnectionFact />
        <TokenFact />
      </div>
      {oversees && <AuditTail />}
    </Page>
  );
}
