import { useCallback, useEffect, useState } from "react";

import { DeskContext } from "./desk/hooks.ts";
import type { Desk } from "./desk/desk.ts";
import { enter } from "./entry/enter.ts";
import { SignIn } from "./entry/SignIn.tsx";
import { forgetToken, takeBorneToken, takeToken } from "./entry/token.ts";
import { Shell } from "./shell/Shell.tsx";

/** Either somebody is signed in, and the desk is theirs, or nobody is. */
export function App() {
  const [desk, setDesk] = useState<Desk>();
  const [refusal, setRefusal] = useState<string>();
  const [isEntering, setEntering] = useState(true);

  const leave = useCallback((why?: string) => {
    forgetToken();
    setRefusal(why);
    setDesk((before) => {
      before?.close();
      return undefined;
    });
  }, []);

  const signIn = useCallback(
    async (token: string) => {
      setEntering(true);
      setRefusal(undefined);
      try {
        setDesk(await enter(token, leave));
      } catch (error) {
        forgetToken();
        setRefusal((error as Error).message);
      }
      setEntering(false);
    },
    [leave],
  );

  useEffect(() => {
    // Asynchronous, token or not: an effect only begins things.
    void Promise.resolve(takeToken()).then((kept) => {
      if (kept === undefined) setEntering(false);
      else return signIn(kept);
    });
  }, [signIn]);

  useEffect(() => {
    // A link with a token may be opened in a tab that is signed in already.
    const onAddress = () => {
      const token = takeBorneToken();
      if (token === undefined) return;
      leave();
      void signIn(token);
    };
    window.addEventListener("hashchange", onAddress);
    return () => {
      window.removeEventListener("hashchange", onAddress);
    };
  }, [leave, signIn]);

  if (desk === undefined) {
    return <SignIn isBusy={isEntering} refusal={refusal} onToken={signIn} />;
  }
  return (
    <DeskContext value={desk}>
      <Shell
        onSignOut={() => {
          leave();
        }}
      />
    </DeskContext>
  );
}
