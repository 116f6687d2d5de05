// output:
export default () => ({ html: "a", data: "x".repeat(2 * 1024 * 1024) })
