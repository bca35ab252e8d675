/** The build turns a style sheet into a string of minified CSS. */
declare module "*.css" {
  const text: string;
  export default text;
}
