// cpu: | memory: | shows: Infinity Infinity
export default () => { const long = '9'.repeat(7e6); return `${parseInt(long, 10)} ${parseFloat(long)}`; }
