// cpu: | threw: Error
Object.defineProperty(Error, 'prepareStackTrace', { get() { for (;;) {} } });
export default () => { throw new Error('x'); }
