export default function (input) {
  const é = "é"; return 1 +;
}
