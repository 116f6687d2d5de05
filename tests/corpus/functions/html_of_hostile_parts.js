// cpu:
export default () => html`${{ toString() { for (;;) {} } }}`
