/** An answer that is waited for, which fails where the kernel refuses it or it does not come in time. */

import type { AnswerTo, Question } from "../wire.ts";
import type { Link } from "./link.ts";

const PATIENCE_MS = 10_000;

export function answered<Op extends Question["op"]>(link: Link, question: Question & { readonly op: Op }): Promise<AnswerTo[Op]> {
  return new Promise((answer, refuse) => {
    const fail = (text: string): void => {
      clearTimeout(timer);
      refuse(new Error(text));
    };
    const timer = setTimeout(() => fail("The kernel does not answer."), PATIENCE_MS);
    const take = (message: AnswerTo[Op]): void => {
      clearTimeout(timer);
      answer(message);
    };
    link.ask({}, question, take, fail);
  });
}
