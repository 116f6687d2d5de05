// output:
export default () => "€".repeat(900 * 1024)
