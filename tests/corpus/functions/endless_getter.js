// cpu:
export default () => ({ get html() { for (;;) {} } })
