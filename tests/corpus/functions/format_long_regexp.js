// cpu:
export default () => { for (;;) format.regex_replace('ab'.repeat(2e5), '(a|b|ab)*(c|d)$', ''); }
