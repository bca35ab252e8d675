/** The build turns a style sheet into a string of minified CSS. */
declare module "*.css" {
  const text: string;
  export default text;
}

/** The version of the package that this was built for; the build fills it in. */
declare const WFKIT_VERSION: string;
