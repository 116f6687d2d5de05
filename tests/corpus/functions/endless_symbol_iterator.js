// cpu:
export default () => [...{ [Symbol.iterator]: () => ({ next: () => ({ done: false }) }) }].length
