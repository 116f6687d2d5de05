export default function (input) { return "/a.png" }
