/** The picture that a notebook saves with a view, by what a view and the host of its output say to each other. */

/** Bubbles from a view; a host whose picture is another one prevents its default. */
export const KEEP_STILL = "wfkit:keep-still";

export interface Still {
  /** As the picture is marked: of which run it is, and in which state that was. */
  readonly marks: string;
  /** Empty: it is only asked whether a picture is wanted. */
  readonly html: string;
  readonly text: string;
}
