import { a } from "./lib/mony.js";
import b from "lodash";
import c from "../a.yaml";
export default () => a
