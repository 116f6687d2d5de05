// cpu:
export default () => { for (;;) format.slug('Crème Brûlée'); }
