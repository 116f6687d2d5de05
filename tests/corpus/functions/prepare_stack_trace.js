// cpu: | threw: Error
Error.prepareStackTrace = () => { for (;;) {} }
export default () => { throw new Error('x'); }
