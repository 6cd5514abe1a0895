import { useRoute } from "../shell/route.ts";
import { OperationPage } from "./OperationPage.tsx";
import { OperationsList } from "./OperationsList.tsx";

/** What was asked of the server, running and past; or one of them. */
export function OperationsView() {
  const { subject } = useRoute();
  return subject === "" ? (
    <OperationsList />
  ) : (
    <OperationPage key={subject} operationId={subject} />
  );
}
