import { euro } from "../lib/money.js";
export default async (input) => euro(3)
