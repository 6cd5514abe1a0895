import type { AlertItem, OperationItem } from "rpcclient";
import { describe, expect, test } from "vitest";

import { News } from "../../src/desk/news.ts";

const AT = "2025-11-20T15:00:00Z";

function alert(auditSeq: number, code = "exit_failed", more: Partial<AlertItem> = {}): AlertItem {
  return { auditSeq, code, detail: "MES 12-25 partial", at: AT, ...more };
}

function ended(operationId: string, success: boolean): OperationItem {
  return { operationId, api: "Flatten", principal: "desk", status: "finished", success };
}

function titles(news: News): readonly string[] {
  return news.board.rows.map(({ key }) => key);
}

function opened(): News {
  const news = new News((tell) => {
    tell();
  });
  news.catchUp([alert(7)], [ended("op-1", false)], true);
  return news;
}

describe("news", () => {
  test("what was there before the page is no news, and what calls for nobody is quiet", () => {
    const news = opened();
    expect(titles(news)).toEqual([]);
    news.takeAlert(alert(8, "venue_up"));
    news.takeAlert(alert(9));
    expect(titles(news)).toEqual(["alert 9"]);
  });

  test("what came while the page was cut off is told, and once", () => {
    const news = opened();
    news.takeAlert(alert(8));
    news.board.remove("alert 8"); // a person has seen it
    news.catchUp([alert(7), alert(8), alert(9, "unprotected")], [], true);
    expect(titles(news)).toEqual(["alert 9"]);
  });

  test("it goes when somebody looks at it", () => {
    const news = opened();
    news.takeAlert(alert(8));
    news.takeAlert(alert(9, "alert_acknowledged", { acknowledges: 8, principal: "rita" }));
    expect(titles(news)).toEqual([]);
  });

  test("whoever hears no alerts is told of an operation that did not close all, once", () => {
    const news = opened();
    news.takeOperation(ended("op-1", false));
    news.takeOperation(ended("op-2", true));
    news.takeOperation(ended("op-3", false));
    news.board.remove("operation op-3");
    news.takeOperation(ended("op-3", false));
    expect(titles(news)).toEqual([]);
    news.catchUp([], [ended("op-4", false)], false);
    expect(titles(news)).toEqual(["operation op-4"]);
  });
});
