// cpu:
export default () => { for (;;) { try { for (;;) {} } catch {} finally { continue } } }
