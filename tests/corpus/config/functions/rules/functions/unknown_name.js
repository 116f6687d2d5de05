import { dollar } from "./lib/money.js";
export default () => dollar
