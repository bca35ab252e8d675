/** Versions: the page's view and the kernel's package are made for each other; the reader is told when they are not. */

/** What does not fit, in one line; empty if all does. A kernel that does not say its version is another one. */
export function skew(kernel: unknown, sameProtocol = true, page = WFKIT_VERSION): string {
  if (kernel === page && sameProtocol) return "";
  const theirs = typeof kernel === "string" && kernel !== page ? kernel.slice(0, 40) : "another";
  return `The page's view is wfkit ${page}, the kernel's is ${theirs}: restart the kernel, then reload the page.`;
}
