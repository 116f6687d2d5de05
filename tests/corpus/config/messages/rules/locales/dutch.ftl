hello = Dag
