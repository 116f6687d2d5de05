// cpu:
export default () => { return `${{ toString() { for (;;) {} } }}` }
