// cpu: | memory: | shows: NaN
export default () => String(Date.parse('9'.repeat(7e6)))
