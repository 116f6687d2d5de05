// Pages are the same for everyone, so what is of one visitor comes afterwards.
fetch('/session.json', { headers: { accept: 'application/json' } })
  .then((answer) => answer.json())
  .then(({ pieces, consent }) => {
    document.querySelector('.pieces').textContent = pieces || '';
    document.querySelector('.consent').hidden = consent !== null;
  })
  .catch(() => {});
